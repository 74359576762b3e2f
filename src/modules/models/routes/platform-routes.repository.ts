import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import { columnsOf, type RouteDraft, type TargetRow, unnested } from './routes.repository.ts';

/** A target of one of the platform's routes, as operators see it. */
export interface PlatformTargetRow extends TargetRow {
  route: string;
  afterContentFilter: boolean;
  credential: string | null;
}

/** Routes of the platform in Postgres, for the system role. */
@Injectable()
export class PlatformRoutesRepository {
  /** Every target, by route, in order. */
  all(tx: Transaction): Promise<PlatformTargetRow[]> {
    return rows<PlatformTargetRow>(
      tx,
      `SELECT r.name AS route, r.after_content_filter AS "afterContentFilter", t.credential_id AS "credentialId", t.model,
         t.provider_model AS "providerModel", t.continues, t.tier, t.weight, c.name AS credential
       FROM platform_model_routes r JOIN platform_model_targets t ON t.route_id = r.id
         LEFT JOIN platform_model_credentials c ON c.id = t.credential_id ORDER BY r.name, t.position`,
    );
  }

  /** Adds a route, or puts this in place of the one of its name. */
  async put(tx: Transaction, { id, name, afterContentFilter, targets }: RouteDraft): Promise<void> {
    const stored = await row<{ id: string }>(
      tx,
      `INSERT INTO platform_model_routes (id, name, after_content_filter) VALUES ($1, $2, $3)
       ON CONFLICT (name) DO UPDATE SET after_content_filter = $3, updated_at = now() RETURNING id`,
      [id, name, afterContentFilter],
    );
    await changed(tx, 'DELETE FROM platform_model_targets WHERE route_id = $1', [stored?.id]);
    await changed(
      tx,
      `INSERT INTO platform_model_targets (route_id, position, credential_id, model, provider_model, continues, tier, weight)
       SELECT $1, * FROM ${unnested(2)}`,
      [stored?.id, ...columnsOf(targets)],
    );
  }

  async delete(tx: Transaction, name: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM platform_model_routes WHERE name = $1', [name])) > 0;
  }
}
