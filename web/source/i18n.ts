// Every word on a page, in the reader's language, from the two message files and from nowhere else.
import en from "./messages/en.json";
import zh from "./messages/zh.json";
import { language } from "./settings";

export type Key = keyof typeof zh;

const MESSAGES: Record<"zh" | "en", Record<Key, string>> = { zh, en };

/** The message of that name, with `{name}` in it replaced. */
export function t(key: Key, given: Record<string, string | number> = {}): string {
  return MESSAGES[language.value][key].replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = given[name];
    return value === undefined ? whole : String(value);
  });
}

/** The message for a value the exchange names, such as a phase; the value itself where it is new to this page. */
export function word(kind: string, value: string): string {
  const key = `${kind}.${value}`;
  return key in zh ? t(key as Key) : value;
}

/** Every value of that kind that has a word. */
export function namesOf(kind: string): string[] {
  return Object.keys(zh)
    .filter((key) => key.startsWith(`${kind}.`))
    .map((key) => key.slice(kind.length + 1));
}

/** The half of a text in two languages, `中文 | English`, that the reader reads. */
export function half(text: string): string {
  const [first, second] = text.split(" | ", 2);
  return (language.value === "en" && second !== undefined ? second : (first ?? "")).trim();
}
