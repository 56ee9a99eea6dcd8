// How long there is until a moment, by the exchange's clock.
import { t } from "../i18n";
import { marketMs } from "../market/store";

const SOON_S = 60;

/** `untilUs` is microseconds since 1970. */
export function Countdown({ untilUs }: { untilUs: number }) {
  const now = marketMs.value;
  if (now === null) return "–";
  const left = Math.max(0, Math.floor(untilUs / 1_000_000 - now / 1_000));
  const [hours, minutes, seconds] = [Math.floor(left / 3_600), Math.floor(left / 60) % 60, left % 60];
  const text = [hours, minutes, seconds].map((part) => String(part).padStart(2, "0")).join(":");
  if (left === 0) return <b class="soon">{t("countdown.over")}</b>;
  return (
    <span class={left <= SOON_S ? "countdown soon" : "countdown"}>
      <span role="timer" class="figures">
        {text}
      </span>
      {left <= SOON_S && ` ${t("countdown.soon")}`}
    </span>
  );
}
