import type { WebSocketChatTransport } from 'ai';

type SocketClass = NonNullable<ConstructorParameters<typeof WebSocketChatTransport>[0]['webSocket']>;

/** What the page wants to know of a socket that the chat transport owns. */
export interface SocketObserver {
  opened(): void;
  closed(code: number): void;
  /** The server has taken the request (`start`), or has nothing to resume (`no-active`). */
  acknowledged(kind: 'send' | 'resume'): void;
  /** A push of the server's own, outside any request. */
  pushed(type: string): void;
}

/** A WebSocket class for the transport that reports to an observer; the transport itself hides close codes and acks. */
export function observedSocket(observer: SocketObserver): SocketClass {
  // A socket that was given up may report its end long after the next one has opened.
  let opened = 0;
  const socketClass = class ObservedSocket extends WebSocket {
    private readonly requests = new Map<string, 'send' | 'resume'>();

    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      const number = ++opened;
      this.addEventListener('open', () => number === opened && observer.opened());
      this.addEventListener('close', (event) => number === opened && observer.closed(event.code));
      this.addEventListener('message', (event) => this.read(event.data));
    }

    override send(data: string): void {
      const frame = JSON.parse(data) as { type: string; requestId: string };
      if (frame.type === 'send' || frame.type === 'resume') this.requests.set(frame.requestId, frame.type);
      super.send(data);
    }

    private read(data: unknown): void {
      if (typeof data !== 'string') return;
      let frame: { type?: unknown; requestId?: unknown };
      try {
        frame = JSON.parse(data) as typeof frame;
      } catch {
        return;
      }
      if (typeof frame.type !== 'string' || typeof frame.requestId !== 'string') return;
      if (frame.requestId === '$server') return observer.pushed(frame.type);
      const kind = this.requests.get(frame.requestId);
      if (kind === undefined || frame.type === 'chunk') return;
      if (frame.type === 'start' || frame.type === 'no-active') observer.acknowledged(kind);
      else this.requests.delete(frame.requestId);
    }
  };
  // The transport sends text only; the DOM's and its own view of binary data differ.
  return socketClass as unknown as SocketClass;
}
