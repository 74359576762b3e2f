import { scimErrors } from './scim.errors.ts';

/** By what one may be looked for. */
export type FilterName = 'username' | 'externalid' | 'id' | 'displayname';

/** A comparison with one value. */
export interface ScimFilter {
  name: FilterName;
  value: string;
}

const comparison = /^\s*(userName|externalId|id|displayName)\s+eq\s+("(?:[^"\\]|\\.)*")\s*$/i;

/** The filter that directories use to find somebody again; undefined where there is none. Throws 400 `invalidFilter` for any other. */
export function parseFilter(text: string | undefined): ScimFilter | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const [, name = '', quoted = ''] = comparison.exec(text) ?? [];
  try {
    return { name: name.toLowerCase() as FilterName, value: JSON.parse(quoted) as string };
  } catch {
    throw scimErrors.filter();
  }
}
