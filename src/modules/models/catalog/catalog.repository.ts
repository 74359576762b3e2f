import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { Price } from '../model-provider.ts';
import type { CatalogModel, DatedPrice } from './catalog.ts';

/** What an operator says of a model. */
export type ModelFacts = Omit<CatalogModel, 'prices'>;

interface PriceRow extends Price {
  model: string;
  startsAt: Date;
}

const columns = 'name, context_window AS "window", max_output AS "maxOutput", vision, tools, reasoning, continues';

/** The catalog in Postgres. Global: the system role reads and writes it. */
@Injectable()
export class CatalogRepository {
  async all(tx: Transaction): Promise<CatalogModel[]> {
    const [models, prices] = await Promise.all([
      rows<ModelFacts>(tx, `SELECT ${columns} FROM model_catalog`),
      rows<PriceRow>(
        tx,
        `SELECT model, starts_at AS "startsAt", input::float8 AS input, output::float8 AS output FROM model_prices ORDER BY starts_at DESC`,
      ),
    ]);
    const byModel = new Map<string, DatedPrice[]>();
    for (const { model, startsAt, input, output } of prices) {
      byModel.set(model, [...(byModel.get(model) ?? []), { startsAt: startsAt.getTime(), input, output }]);
    }
    return models.map((model) => ({ ...model, prices: byModel.get(model.name) ?? [] }));
  }

  byName(tx: Transaction, name: string): Promise<ModelFacts | undefined> {
    return row<ModelFacts>(tx, `SELECT ${columns} FROM model_catalog WHERE name = $1`, [name]);
  }

  async put(tx: Transaction, model: ModelFacts): Promise<void> {
    await changed(
      tx,
      `INSERT INTO model_catalog (name, context_window, max_output, vision, tools, reasoning, continues) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (name) DO UPDATE SET context_window = $2, max_output = $3, vision = $4, tools = $5, reasoning = $6, continues = $7,
         updated_at = now()`,
      [model.name, model.window, model.maxOutput, model.vision, model.tools, model.reasoning, model.continues],
    );
  }

  /** Sets the price from a moment on; null is now, by the database's clock. Earlier prices stay, for calls that began under them. */
  async price(tx: Transaction, model: string, price: Price, startsAt: Date | null): Promise<void> {
    await changed(
      tx,
      `INSERT INTO model_prices (model, starts_at, input, output) VALUES ($1, coalesce($2::timestamptz, now()), $3, $4)
       ON CONFLICT (model, starts_at) DO UPDATE SET input = $3, output = $4`,
      [model, startsAt, price.input, price.output],
    );
  }

  async remove(tx: Transaction, name: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM model_catalog WHERE name = $1', [name])) > 0;
  }
}
