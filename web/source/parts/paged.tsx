// A list of the exchange's that comes by pages: the newest first, further ones when they are asked for.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, type Page } from "../api";
import { t } from "../i18n";
import { isPassing } from "../remote";
import { language } from "../settings";
import { Asking, Failure } from "./states";
import { type Column, Table } from "./table";

interface Read<Item> {
  items: readonly Item[];
  next: string | null;
}

/** `path` answers a page and takes `after`. When `turn` changes, as many as are shown are asked for anew. */
export function Paged<Item>({
  path,
  turn = 0,
  caption,
  columns,
  keyOf,
  none,
}: {
  path: string;
  turn?: number;
  caption: string;
  columns: readonly Column<Item>[];
  keyOf: (item: Item) => string;
  none: string;
}) {
  const [read, setRead] = useState<Read<Item> | null>(null);
  const [error, setError] = useState<unknown>(null);
  const pages = useRef(1);
  const asked = useRef(0);
  const load = useCallback(
    async (count: number) => {
      asked.current += 1;
      const mine = asked.current;
      try {
        const found = await firstPages<Item>(path, count);
        if (mine !== asked.current) return;
        pages.current = count;
        setRead(found);
        setError(null);
      } catch (problem) {
        if (mine !== asked.current) return;
        if (!isPassing(problem)) setRead(null);
        setError(problem);
      }
    },
    [path],
  );
  useEffect(() => {
    setRead(null);
    setError(null);
    pages.current = 1;
  }, [path]);
  const inLanguage = language.value;
  // A turn asks the same again, and so does another language: what is refused is told in words
  useEffect(() => {
    void load(pages.current);
  }, [load, turn, inLanguage]);
  return (
    <>
      {error !== null && <Failure error={error} again={() => void load(pages.current)} />}
      {read === null ? (
        error === null && <Asking />
      ) : (
        <Table none={none} caption={caption} columns={columns} rows={read.items} keyOf={keyOf} />
      )}
      {read !== null && read.next !== null && (
        <p class="more">
          <button type="button" onClick={() => void load(pages.current + 1)}>
            {t("paged.more")}
          </button>
        </p>
      )}
    </>
  );
}

async function firstPages<Item>(path: string, count: number): Promise<Read<Item>> {
  let items: Item[] = [];
  let next: string | null = null;
  for (let page = 0; page < count; page += 1) {
    const more: string =
      next === null ? "" : `${path.includes("?") ? "&" : "?"}after=${encodeURIComponent(next)}`;
    const found: Page<Item> = await ask(path + more);
    items = [...items, ...found.items];
    next = found.next;
    if (next === null) break;
  }
  return { items, next };
}
