// Candles and volume, as a picture and as a table of the same figures. The picture is told by the table, never the other way.
import {
  CandlestickSeries,
  ColorType,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Listing, Page } from "../api";
import { moment, money, shanghaiSeconds, shown } from "../format";
import { word as named, t } from "../i18n";
import { Choice, Panel } from "../parts/panel";
import { Answered, Nothing } from "../parts/states";
import { Table } from "../parts/table";
import { useRemote } from "../remote";
import { paint } from "../settings";
import { type Candle, candlesPath, INTERVALS, type Interval } from "./candles";
import { tradesOf } from "./store";

export function ChartPanel({ listing }: { listing: Listing }) {
  const [interval, setInterval] = useState<Interval>("1d");
  const [shape, setShape] = useState<"chart" | "table">("chart");
  const remote = useRemote<Page<Candle>>(candlesPath(listing.listing, interval));
  const newest = tradesOf(listing.listing).value?.[0]?.id;
  const asked = useRef(newest);
  useEffect(() => {
    // A trade changes the last candle; the exchange says how.
    if (asked.current !== newest) {
      asked.current = newest;
      const waiting = setTimeout(remote.again, 400);
      return () => clearTimeout(waiting);
    }
    return undefined;
  }, [newest, remote.again]);
  return (
    <Panel
      title={t("chart.title", { listing: listing.listing })}
      class="chart-panel"
      aside={
        <div class="chart-choices">
          <Choice
            label={t("chart.interval")}
            values={INTERVALS}
            chosen={interval}
            named={(value) => named("interval", value)}
            choose={setInterval}
          />
          <Choice
            label={t("chart.shape")}
            values={["chart", "table"] as const}
            chosen={shape}
            named={(value) => t(`chart.${value}`)}
            choose={setShape}
          />
        </div>
      }
    >
      <Answered remote={remote}>
        {(page) =>
          page.items.length === 0 ? (
            <Nothing>{t("chart.none")}</Nothing>
          ) : shape === "chart" ? (
            <CandleChart
              candles={page.items}
              isByDay={interval === "1d" || interval === "1w"}
              label={t("chart.label", { listing: listing.listing, interval: named("interval", interval) })}
            />
          ) : (
            <CandleTable candles={page.items} caption={t("chart.title", { listing: listing.listing })} />
          )
        }
      </Answered>
    </Panel>
  );
}

function CandleTable({ candles, caption }: { candles: readonly Candle[]; caption: string }) {
  const price = (name: "open" | "high" | "low" | "close") => ({
    name,
    title: t(`listing.${name}`),
    isFigure: true,
    cell: (candle: Candle) => shown(candle[name]),
  });
  return (
    <Table
      isDense
      caption={caption}
      rows={[...candles].sort((one, other) => (one.start < other.start ? 1 : -1))}
      keyOf={(candle) => candle.start}
      columns={[
        { name: "start", title: t("column.time"), cell: (candle) => moment(candle.start).slice(0, 16) },
        price("open"),
        price("high"),
        price("low"),
        price("close"),
        {
          name: "volume",
          title: t("listing.volume"),
          isFigure: true,
          cell: (candle) => shown(candle.volume),
        },
        {
          name: "turnover",
          title: t("listing.turnover"),
          isFigure: true,
          cell: (candle) => money(candle.turnover),
        },
      ]}
    />
  );
}

interface Drawn {
  chart: IChartApi;
  candles: ISeriesApi<"Candlestick">;
  volumes: ISeriesApi<"Histogram">;
}

function CandleChart({
  candles,
  isByDay,
  label,
}: {
  candles: readonly Candle[];
  isByDay: boolean;
  label: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  useEffect(() => {
    if (place.current === null) return undefined;
    const made = draw(place.current);
    drawn.current = made;
    return () => {
      drawn.current = null;
      made.chart.remove();
    };
  }, []);
  const painted = paint.value;
  // Other colours are painted, too
  useEffect(() => {
    if (drawn.current !== null) fill(drawn.current, candles, isByDay);
  }, [candles, isByDay, painted]);
  return <div class="chart" role="img" aria-label={label} ref={place} />;
}

function draw(place: HTMLElement): Drawn {
  const chart = createChart(place, {
    autoSize: true,
    // Its own link brings a style element, which the policy of these pages refuses; the footer names and links it.
    layout: { attributionLogo: false },
    localization: { priceFormatter: (price: number) => price.toFixed(2) },
  });
  const candles = chart.addSeries(CandlestickSeries, { priceScaleId: "right" });
  const volumes = chart.addSeries(HistogramSeries, {
    priceScaleId: "",
    priceFormat: { type: "volume" },
    lastValueVisible: false,
    priceLineVisible: false,
  });
  candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.28 } });
  volumes.priceScale().applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
  return { chart, candles, volumes };
}

function fill({ chart, candles, volumes }: Drawn, given: readonly Candle[], isByDay: boolean): void {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const [up, down, line] = [colour("--up"), colour("--down"), colour("--line")];
  chart.applyOptions({
    layout: {
      background: { type: ColorType.Solid, color: colour("--panel") },
      textColor: colour("--muted"),
      fontFamily: style.fontFamily,
    },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: {
      borderColor: line,
      timeVisible: !isByDay,
      rightOffset: 3,
      barSpacing: 14,
      minBarSpacing: 3,
      maxBarSpacing: 40,
    },
  });
  candles.applyOptions({
    upColor: up,
    downColor: down,
    wickUpColor: up,
    wickDownColor: down,
    borderVisible: false,
  });
  const rows = [...given].sort((one, other) => (one.start < other.start ? -1 : 1));
  const time = (candle: Candle) => shanghaiSeconds(candle.start) as UTCTimestamp;
  candles.setData(
    rows.map((candle) => ({
      time: time(candle),
      open: Number(candle.open),
      high: Number(candle.high),
      low: Number(candle.low),
      close: Number(candle.close),
    })),
  );
  volumes.setData(
    rows.map((candle) => ({
      time: time(candle),
      value: Number(candle.volume),
      color: `${Number(candle.close) >= Number(candle.open) ? up : down}66`,
    })),
  );
}
