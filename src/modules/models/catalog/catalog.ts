import { Inject, Injectable, Logger, type OnModuleInit, Optional } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { SystemDatabase } from '../../../platform/database/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import type { Price } from '../model-provider.ts';
import { CatalogRepository } from './catalog.repository.ts';

/** What is known of a model, whoever serves it. */
export interface CatalogModel {
  name: string;
  /** Context window, in tokens. */
  window: number;
  /** Longest answer, in tokens; null where nobody has said. */
  maxOutput: number | null;
  vision: boolean;
  tools: boolean;
  reasoning: boolean;
  /** Who serves it can go on from a given text (`continue_final_message`). Said only where it is so wherever the model runs. */
  continues: boolean;
  /** Newest first. */
  prices: DatedPrice[];
}

/** A price and when it begins to hold, in milliseconds since the epoch. */
export interface DatedPrice extends Price {
  startsAt: number;
}

/** How old what is in memory may be before it is read again, in milliseconds. */
const freshMs = 5_000;

/** How far ahead an upper bound of the price looks, in milliseconds: longer than a turn may wait and run. */
const boundLooksAheadMs = 3_600_000;

/** What follows a model's name in the names of its snapshots: a date, or `latest`. */
const snapshot = /^-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$/;

/**
 * The catalog of models: one table for all tenants, kept in memory, at most a few seconds behind. Names are found by their longest
 * known beginning, since providers add dates and variants to them; prices hold for the name itself and its snapshots only.
 */
@Injectable()
export class Catalog implements OnModuleInit {
  private readonly logger = new Logger(Catalog.name);
  /** Longest name first. */
  private models: CatalogModel[] = [];
  private readAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;

  constructor(
    @Optional() @Inject(SystemDatabase) private readonly database?: SystemDatabase,
    @Optional() @Inject(CatalogRepository) private readonly repository?: CatalogRepository,
  ) {}

  /** What is known of a model, or of the one whose name this one begins with. */
  find(model: string): CatalogModel | undefined {
    this.refresh();
    return this.models.find(({ name }) => model === name || model.startsWith(`${name}-`));
  }

  /** The model of exactly this name, or the one whose snapshot it is. */
  named(model: string): CatalogModel | undefined {
    const known = this.find(model);
    return known !== undefined && (model === known.name || snapshot.test(model.slice(known.name.length))) ? known : undefined;
  }

  /** The price in force at `at` (milliseconds since the epoch); undefined where there is none. */
  price(model: string, at: number): Price | undefined {
    const price = this.pricesOf(model).find(({ startsAt }) => startsAt <= at);
    return price === undefined ? undefined : { input: price.input, output: price.output };
  }

  /** The highest price that a call which begins within the next hour can have; undefined where none is in force now. */
  priceBound(model: string): Price | undefined {
    const now = clock.now();
    const price = this.price(model, now);
    const next = this.pricesOf(model).filter(({ startsAt }) => startsAt > now && startsAt <= now + boundLooksAheadMs);
    return price === undefined ? undefined : dearest([price, ...next]);
  }

  /** Every model, by name. */
  all(): CatalogModel[] {
    this.refresh();
    return this.models.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Puts these models in place of what is known. */
  replace(models: CatalogModel[]): void {
    this.models = models.toSorted((a, b) => b.name.length - a.name.length);
    this.readAt = performance.now();
  }

  /** Reads the table again. Rejects when it cannot be read. */
  async read(): Promise<void> {
    const { database, repository } = this;
    if (database === undefined || repository === undefined) return;
    this.replace(await database.run('model-settings', (tx) => repository.all(tx)));
  }

  async onModuleInit(): Promise<void> {
    await this.inBackground();
  }

  /** Callers never wait: they get what is in memory, and the next ones what has been read. */
  private refresh(): void {
    if (this.database !== undefined && performance.now() - this.readAt > freshMs) void this.inBackground();
  }

  private inBackground(): Promise<void> {
    this.reading ??= this.read()
      .catch((error: unknown) => {
        this.readAt = performance.now();
        this.logger.warn({ error: safeError(error) }, 'the catalog of models could not be read');
      })
      .finally(() => {
        this.reading = undefined;
      });
    return this.reading;
  }

  private pricesOf(model: string): DatedPrice[] {
    return this.named(model)?.prices ?? [];
  }
}

/** The higher of each part of some prices; nothing where there are none. */
export function dearest(prices: Price[]): Price {
  return { input: Math.max(0, ...prices.map(({ input }) => input)), output: Math.max(0, ...prices.map(({ output }) => output)) };
}
