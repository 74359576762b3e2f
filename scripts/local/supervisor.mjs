import { warn } from './progress.mjs';

/** @typedef {import('./postgres.mjs').Service} Service */
/** @typedef {{ service: Service, pid: number }} Kept */

const restartsPerMinute = 5;

/** First and longest wait before a peer is started again, in milliseconds; it doubles while the peer keeps ending at once. */
const backOffMs = { first: 250, longest: 5_000 };
/** A peer that ran for so long was no failed start, in milliseconds. */
const steadyMs = 10_000;

/** Keeps services running, starts those again that end by themselves, and stops all of them in order. */
export class Supervisor {
  /** @type {Set<Promise<unknown>>} */
  #starting = new Set();
  /** Stages to stop, last first. @type {Service[][]} */
  #stages = [[], []];
  #stopping = false;
  #onFatal;
  /** Called after a service was started again. @type {() => void} */
  onRestart = () => {};

  /** @param {(sentence: string) => void} onFatal told when something ended for good */
  constructor(onFatal) {
    this.#onFatal = onFatal;
  }

  /** Whether the end has begun. */
  get stopping() {
    return this.#stopping;
  }

  /**
   * Starts a service that others need. When it ends by itself it is started again, on the same port.
   * @param {string} name
   * @param {(before?: Service) => Promise<Service>} start gets the ended service at a restart
   * @returns {Promise<Kept>} whose `pid` follows restarts
   */
  async keep(name, start) {
    const kept = { service: await this.#begin(0, start), pid: 0 };
    kept.pid = kept.service.pid;
    /** @type {number[]} */
    const restarts = [];
    const watch = async () => {
      const { code, signal } = await kept.service.exit;
      if (this.#stopping) return;
      const how = signal ?? `exit code ${code}`;
      while (Date.now() - (restarts[0] ?? Date.now()) > 60_000) restarts.shift();
      if (restarts.length >= restartsPerMinute) return this.#onFatal(`${name} keeps ending (${how}).`);
      restarts.push(Date.now());
      warn(`${name} ended (${how}); starting it again.`);
      try {
        const before = kept.service;
        this.#forget(before);
        kept.service = await this.#begin(0, () => start(before));
        kept.pid = kept.service.pid;
        this.onRestart();
        void watch();
      } catch (error) {
        if (!this.#stopping)
          this.#onFatal(`${name} ended (${how}) and could not be started again: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    void watch();
    return kept;
  }

  /**
   * Starts what uses the services; it is stopped before them. When it ends by itself that is the end of everything.
   * @param {() => Promise<Service>} start
   * @param {(exit: import('./processes.mjs').Exit) => string} describe the sentence to say then
   * @returns {Promise<Service>}
   */
  async main(start, describe) {
    const service = await this.#begin(1, start);
    void service.exit.then((exit) => {
      if (!this.#stopping) this.#onFatal(describe(exit));
    });
    return service;
  }

  /**
   * Starts one of several equals that use the services; it is stopped before them. When it ends by itself that is said, and it is
   * started again after a short wait, as often as it takes: its equals carry on meanwhile.
   * @param {string} name
   * @param {() => Promise<Service>} start
   * @param {{ restart: boolean, onChange: () => void }} options `onChange` is told when it has ended and when it is there again
   * @returns {Promise<Kept>} whose `pid` follows restarts
   */
  async peer(name, start, { restart, onChange }) {
    const kept = { service: await this.#begin(1, start), pid: 0 };
    kept.pid = kept.service.pid;
    const watch = async () => {
      let wait = backOffMs.first;
      for (;;) {
        const begin = performance.now();
        const { code, signal } = await kept.service.exit;
        if (this.#stopping) return;
        this.#forget(kept.service);
        const steady = performance.now() - begin >= steadyMs;
        if (steady) wait = backOffMs.first;
        warn(`${name} ended (${signal ?? `exit code ${code}`})${restart ? '; starting it again.' : '.'}`);
        if (!restart) return onChange();
        wait = await this.#again(name, kept, start, wait);
        if (this.#stopping) return;
        onChange();
      }
    };
    void watch();
    return kept;
  }

  /** Tries until a peer is there again or the end has begun. Gives the next wait. @param {string} name @param {Kept} kept @param {() => Promise<Service>} start @param {number} wait */
  async #again(name, kept, start, wait) {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, backOffMs.longest);
      if (this.#stopping) return wait;
      try {
        kept.service = await this.#begin(1, start);
        kept.pid = kept.service.pid;
        return wait;
      } catch (error) {
        if (!this.#stopping) warn(`${name} could not be started; trying again: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  /** @param {number} stage @param {() => Promise<Service>} start */
  async #begin(stage, start) {
    if (this.#stopping) throw new Error('stopping');
    const pending = start().then((service) => {
      this.#stages[stage]?.push(service);
      return service;
    });
    const settled = pending.catch(() => undefined);
    this.#starting.add(settled);
    try {
      return await pending;
    } finally {
      this.#starting.delete(settled);
    }
  }

  /** @param {Service} service */
  #forget(service) {
    this.#stages = this.#stages.map((stage) => stage.filter((other) => other !== service));
  }

  /** Stops all services, those that are just starting included: the users first. */
  async stopAll() {
    this.#stopping = true;
    await Promise.all((this.#stages[1] ?? []).map((service) => service.stop()));
    await Promise.all(this.#starting);
    for (const stage of this.#stages.toReversed()) await Promise.all(stage.map((service) => service.stop()));
  }
}
