import { z } from 'zod';

/** Query of every list: `limit` (1–100, default 20) and `after`, the id that the last page ended with. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().max(100).optional(),
});

/** A list query, validated. */
export type PageQuery = z.output<typeof PageQuery>;

/** The response shape of a list of `item`. `id` names it in OpenAPI. */
export function pageOf<S extends z.ZodType>(id: string, item: S) {
  return z
    .object({ object: z.literal('list'), data: z.array(item), has_more: z.boolean(), next_cursor: z.string().nullable() })
    .meta({ id });
}

/** One page out of `limit + 1` rows: the extra row only says that there is more. */
export function toPage<R, T extends { id: string }>(found: R[], limit: number, present: (row: R) => T) {
  const data = found.slice(0, limit).map(present);
  const more = found.length > limit;
  return { object: 'list' as const, data, has_more: more, next_cursor: more ? (data.at(-1)?.id ?? null) : null };
}
