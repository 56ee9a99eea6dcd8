// What time it is at the market, in which phase it is, and whether what is shown is live.
import { word as named, t } from "../i18n";
import { marketMs, phase, stream } from "../market/store";

const SHANGHAI_MS = 8 * 3_600_000;

export function MarketClock() {
  const ms = marketMs.value;
  const text = ms === null ? "" : new Date(ms + SHANGHAI_MS).toISOString();
  return (
    <span class="clock">
      {phase.value !== null && (
        <span class={`phase phase-${phase.value}`}>{named("phase", phase.value)}</span>
      )}
      <time class="figures">{ms === null ? "" : `${text.slice(0, 10)} ${text.slice(11, 19)}`}</time>
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
