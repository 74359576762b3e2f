/** JSON Schema as far as our OpenAPI document uses it. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  minItems?: number;
  minLength?: number;
  minimum?: number;
  format?: string;
  pattern?: string;
}

/** The schemas that `$ref` names. */
export type Schemas = Record<string, JsonSchema>;

/** A schema with its `$ref` followed. */
export function resolved(schema: JsonSchema, schemas: Schemas): JsonSchema {
  const name = schema.$ref?.replace('#/components/schemas/', '');
  if (name === undefined) return schema;
  const found = schemas[name];
  if (found === undefined) throw new Error(`the document has no schema ${name}`);
  return resolved(found, schemas);
}

/** The smallest value that fits: required members only. */
export function exampleOf(given: JsonSchema, schemas: Schemas): unknown {
  const schema = resolved(given, schemas);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0] ?? schema.allOf?.[0];
  if (choice !== undefined) return exampleOf(choice, schemas);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object') {
    const members = (schema.required ?? []).map((name) => [name, exampleOf(schema.properties?.[name] ?? {}, schemas)] as const);
    return Object.fromEntries(members);
  }
  if (type === 'array') return Array.from({ length: schema.minItems ?? 0 }, () => exampleOf(schema.items ?? {}, schemas));
  if (type === 'string') return stringFor(schema);
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
  if (type === 'boolean') return false;
  return {};
}

function stringFor({ format, pattern, minLength = 0 }: JsonSchema): string {
  if (format === 'date-time') return '2030-01-01T00:00:00Z';
  if (pattern?.includes('@') === true) return 'somebody@example.com';
  return 'example'.padEnd(minLength, 'x');
}
