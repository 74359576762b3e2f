import { closeCodes, reconnectDelay } from './backoff.ts';

/** The connection as the status line shows it. `idle` means: it opens with the next question. */
export type LinkState = { kind: 'idle' | 'connecting' | 'connected' | 'offline' } | { kind: 'waiting'; until: number; isBusy: boolean };

/** Plans the attempts after a broken connection. */
export class Link {
  state: LinkState = { kind: 'idle' };
  lastCloseCode: number | undefined;
  private attempts = 0;
  private refusals = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param attempt runs one attempt to restore the connection
   * @param show is told each new state
   * @param lose is called when the network is gone: a socket would take minutes to notice
   */
  constructor(
    private readonly attempt: () => void,
    private readonly show: (state: LinkState) => void,
    private readonly lose: () => void,
  ) {
    addEventListener('online', this.online);
    addEventListener('offline', this.offline);
  }

  /** An attempt is planned and has not begun. */
  get isWaiting(): boolean {
    return this.timer !== undefined;
  }

  /** The server closed the last connection over its credential. */
  get needsNewCredential(): boolean {
    return this.lastCloseCode === closeCodes.credential;
  }

  /** A new credential was refused as well. */
  get isCredentialRefused(): boolean {
    return this.refusals > 2;
  }

  connecting(): void {
    this.set({ kind: 'connecting' });
  }

  opened(): void {
    this.lastCloseCode = undefined;
    this.set({ kind: 'connected' });
  }

  closed(code: number): void {
    this.lastCloseCode = code;
    if (code === closeCodes.credential) this.refusals++;
    if (this.timer === undefined) this.set({ kind: navigator.onLine ? 'idle' : 'offline' });
  }

  /** An answer flows again. */
  restored(): void {
    this.attempts = 0;
    this.refusals = 0;
    this.clearTimer();
    this.set({ kind: 'connected' });
  }

  /** Plans the next attempt; `atLeastMs` is what the server asked for. */
  plan(atLeastMs = 0): void {
    this.clearTimer();
    const delay = Math.max(atLeastMs, reconnectDelay(this.attempts++, this.lastCloseCode));
    const isBusy = atLeastMs > 0 || this.lastCloseCode === closeCodes.overload || this.lastCloseCode === closeCodes.rate;
    this.timer = setTimeout(() => this.retryNow(), delay);
    // Offline or not, attempts go on: a server on this very machine can be reached without a network.
    this.set(navigator.onLine ? { kind: 'waiting', until: Date.now() + delay, isBusy } : { kind: 'offline' });
  }

  /** Begins the planned attempt at once. */
  retryNow(): void {
    this.clearTimer();
    this.connecting();
    this.attempt();
  }

  /** Drops a planned attempt. */
  rest(): void {
    const wasWaiting = this.timer !== undefined;
    this.clearTimer();
    this.attempts = 0;
    if (wasWaiting) this.set({ kind: navigator.onLine ? 'idle' : 'offline' });
  }

  dispose(): void {
    removeEventListener('online', this.online);
    removeEventListener('offline', this.offline);
  }

  private readonly online = (): void => {
    if (this.timer !== undefined) this.retryNow();
    else if (this.state.kind === 'offline') this.set({ kind: 'idle' });
  };

  private readonly offline = (): void => {
    this.set({ kind: 'offline' });
    this.lose();
  };

  private clearTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private set(state: LinkState): void {
    this.state = state;
    this.show(state);
  }
}
