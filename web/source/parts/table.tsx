// A table that says what it holds: a caption, headings by column, the first cell the row's own; wide ones scroll by keyboard.
import type { ComponentChildren } from "preact";
import { Nothing } from "./states";

export interface Column<Row> {
  name: string;
  title: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  /** Figures stand to the right, one under the other. */
  isFigure?: boolean;
  /** What can be done stays in sight however wide the table is. */
  isAct?: boolean;
}

function kindOf<Row>(column: Column<Row>): string | undefined {
  return column.isFigure ? "figure" : column.isAct ? "act-cell" : undefined;
}

export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
  classOf,
  none,
  isDense = false,
}: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** The row's class; it says nothing that no cell says. */
  classOf?: (row: Row) => string;
  /** What is said in its place where there is no row. */
  none?: string;
  isDense?: boolean;
}) {
  if (none !== undefined && rows.length === 0) return <Nothing>{none}</Nothing>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table class={isDense ? "dense" : undefined}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={kindOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={classOf?.(row) || undefined}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.name} scope="row" class={kindOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.name} class={kindOf(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
