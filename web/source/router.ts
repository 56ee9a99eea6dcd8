// Which page is shown. It stands behind the # of the address, so that every page can be linked to and gone back to.
import { signal } from "@preact/signals";

export interface Place {
  page: string;
  rest: readonly string[];
}

function read(): Place {
  const [page = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  return { page: page || "market", rest };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

export const place = signal<Place>(read());
addEventListener("hashchange", () => {
  place.value = read();
});

/** The address of a page. */
export function link(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Go there. */
export function go(...parts: string[]): void {
  location.hash = link(...parts);
}
