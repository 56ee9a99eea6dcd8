// The three switches of a reader: language, light or dark, and which colour is up.
import { t } from "../i18n";
import { colours, language, type Theme, theme } from "../settings";
import { ARROW } from "./figures";

const NEXT_THEME: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };

export function Settings() {
  return (
    <fieldset class="settings">
      <legend class="unseen">{t("settings.title")}</legend>
      <button
        type="button"
        class="quiet"
        aria-label={t("settings.colours", { now: t(`settings.${colours.value}`) })}
        title={t("settings.colours", { now: t(`settings.${colours.value}`) })}
        onClick={() => {
          colours.value = colours.value === "red-up" ? "green-up" : "red-up";
        }}
      >
        <span class="up" aria-hidden="true">
          {ARROW.up}
        </span>
        <span class="down" aria-hidden="true">
          {ARROW.down}
        </span>
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={t("settings.theme", { now: t(`settings.${theme.value}`) })}
        title={t("settings.theme", { now: t(`settings.${theme.value}`) })}
        onClick={() => {
          theme.value = NEXT_THEME[theme.value];
        }}
      >
        {t(`settings.${theme.value}`)}
      </button>
      <button
        type="button"
        class="quiet"
        lang={language.value === "zh" ? "en" : "zh-CN"}
        onClick={() => {
          language.value = language.value === "zh" ? "en" : "zh";
        }}
      >
        {t("settings.other_language")}
      </button>
    </fieldset>
  );
}
