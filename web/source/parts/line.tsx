// What time it is at the market, in which phase it is, and whether what is shown is live.
import { inShanghai, moment } from "../format";
import { word as named, t } from "../i18n";
import { marketMs, phase, stream } from "../market/store";

export function MarketClock() {
  const ms = marketMs.value;
  return (
    <span class="clock">
      {phase.value !== null && (
        <span class={`phase phase-${phase.value}`}>{named("phase", phase.value)}</span>
      )}
      <time class="figures">{ms === null ? "" : moment(inShanghai(ms))}</time>
      <span class="zone">{t("clock.zone")}</span>
    </span>
  );
}

export function ConnectionState() {
  const state = stream.state.value;
  return (
    <span class={`line line-${state}`} role="status">
      <span class="line-dot" aria-hidden="true" />
      {named("line", state)}
    </span>
  );
}
