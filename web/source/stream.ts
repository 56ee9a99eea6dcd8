// The one WebSocket of a page: it says whether it is live, comes back by itself, and asks again for what it was asked for.
import { signal } from "@preact/signals";

export type Connection = "connecting" | "live" | "lost";

type Handler = (message: Record<string, unknown>) => void;

const PING_MS = 10_000;
const SILENCE_MS = 25_000;
const BACK_OFF_MS = [250, 500, 1_000, 2_000, 4_000, 8_000] as const;

export class Stream {
  readonly state = signal<Connection>("connecting");
  private readonly handlers = new Map<string, Handler>();
  private readonly openers = new Set<() => void>();
  private readonly answers = new Map<number, Handler>();
  private socket: WebSocket | null = null;
  private failures = 0;
  private heardMs = 0;
  private nextId = 1;

  constructor(private readonly url: string) {
    setInterval(() => this.watch(), PING_MS / 2);
    addEventListener("online", () => this.connect());
  }

  /** Hand every push of that channel to this one. */
  on(channel: string, handler: Handler): void {
    this.handlers.set(channel, handler);
  }

  /** Do this now if the connection is open, and again each time it opens. */
  whenOpen(opener: () => void): void {
    this.openers.add(opener);
    if (this.socket?.readyState === WebSocket.OPEN) opener();
  }

  /** Connect, unless that is so already. */
  connect(): void {
    if (this.socket !== null && this.socket.readyState <= WebSocket.OPEN) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.heardMs = performance.now();
    socket.addEventListener("open", () => this.opened());
    socket.addEventListener("message", (event) => this.heard(String(event.data)));
    socket.addEventListener("close", () => this.closed(socket));
  }

  /** Begin a new connection, for somebody else. */
  renew(): void {
    const before = this.socket;
    if (before === null) return;
    this.socket = null;
    this.answers.clear();
    before.close();
    this.state.value = "connecting";
    this.connect();
  }

  /** Send a request; the answer goes to the handler, if one is given. False when nothing is connected. */
  request(op: string, given: Record<string, unknown> = {}, handler?: Handler): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    const id = this.nextId;
    this.nextId += 1;
    if (handler !== undefined) this.answers.set(id, handler);
    this.socket.send(JSON.stringify({ op, id, ...given }));
    return true;
  }

  private opened(): void {
    this.failures = 0;
    this.state.value = "live";
    for (const opener of this.openers) opener();
  }

  private heard(text: string): void {
    this.heardMs = performance.now();
    const message = JSON.parse(text) as Record<string, unknown>;
    const channel = message["ch"];
    if (typeof channel === "string") {
      this.handlers.get(channel)?.(message);
      return;
    }
    const id = message["id"];
    if (typeof id !== "number") return;
    const handler = this.answers.get(id);
    this.answers.delete(id);
    handler?.(message);
  }

  private closed(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.answers.clear();
    this.state.value = "lost";
    const waitMs = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length - 1)] ?? 1_000;
    this.failures += 1;
    // Not all readers come back in the same instant.
    setTimeout(() => this.connect(), waitMs * (0.75 + Math.random() / 2));
  }

  private watch(): void {
    const socket = this.socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.heardMs > SILENCE_MS) {
      // A line that is silent although it was spoken to is dead; its close may never come.
      socket.close();
      this.closed(socket);
    } else {
      this.request("ping");
    }
  }
}
