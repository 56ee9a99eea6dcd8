// What a reader chooses for this browser: language, light or dark, and which colour means up. Kept in the browser only.
import { effect, type Signal, signal } from "@preact/signals";

export type Language = "zh" | "en";
export type Theme = "auto" | "light" | "dark";
export type Colours = "red-up" | "green-up";

/** A choice among a few, remembered; the first is what nobody has chosen otherwise. */
function remembered<Choice extends string>(name: string, choices: readonly [Choice, ...Choice[]]) {
  const key = `puhui.${name}`;
  let found: string | null = null;
  try {
    found = localStorage.getItem(key);
  } catch {
    // The browser keeps nothing for this site: the choice lasts as long as the page.
    found = null;
  }
  const chosen = signal(choices.find((choice) => choice === found) ?? choices[0]);
  effect(() => {
    const value = chosen.value;
    try {
      localStorage.setItem(key, value);
    } catch {
      return;
    }
  });
  return chosen;
}

export const language: Signal<Language> = remembered<Language>("language", ["zh", "en"]);
export const theme: Signal<Theme> = remembered<Theme>("theme", ["auto", "light", "dark"]);
export const colours: Signal<Colours> = remembered<Colours>("colours", ["red-up", "green-up"]);

const WATCHED = "puhui.watched";

/** Listings a trader watches, in this browser. */
export const watched = signal<readonly string[]>(readWatched());

function readWatched(): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(WATCHED) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    // Nothing is kept here, or something of somebody else's: nothing is watched yet.
    return [];
  }
}

/** Watch a listing, or no longer. */
export function watch(listing: string, isWatched: boolean): void {
  const others = watched.value.filter((one) => one !== listing);
  watched.value = isWatched ? [...others, listing] : others;
  try {
    localStorage.setItem(WATCHED, JSON.stringify(watched.value));
  } catch {
    // The browser keeps nothing for this site: the choice lasts as long as the page.
    return;
  }
}

const systemDark = matchMedia("(prefers-color-scheme: dark)");

/** Rises whenever colours on the page may have changed: a canvas has to be painted anew. */
export const paint = signal(0);

/** Hold the document to the settings, now and whenever they change. */
export function applySettings(): void {
  const root = document.documentElement;
  effect(() => {
    root.lang = language.value === "zh" ? "zh-CN" : "en";
  });
  const colour = () => {
    const isDark = theme.value === "dark" || (theme.value === "auto" && systemDark.matches);
    root.dataset["theme"] = isDark ? "dark" : "light";
    root.dataset["colours"] = colours.value;
    paint.value = paint.peek() + 1;
  };
  effect(colour);
  systemDark.addEventListener("change", colour);
}
