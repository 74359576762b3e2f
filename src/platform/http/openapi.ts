import { applyDecorators, HttpCode } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';

const FieldError = z.object({ path: z.string(), message: z.string() });

/** The error body as OpenAPI shows it. */
export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    request_id: z.string(),
    retry_after: z.int().optional(),
    limit: z.string().optional(),
    resets_at: z.iso.datetime().optional(),
    errors: z.array(FieldError).optional(),
    error: z.object({ message: z.string(), type: z.string(), code: z.string(), param: z.string().nullable() }),
  })
  .meta({ id: 'Problem' });

/** What OpenAPI says of a route. */
export interface Answers {
  /** One line: what it does. */
  summary: string;
  /** Status of success; default 200. */
  status?: number;
  /** Shape of the body of success; none for 204 and streams. */
  body?: z.ZodType;
  /** Shape of an error, where it is not the usual one. */
  error?: z.ZodType;
  /** Content type of a stream instead of a body. */
  stream?: string;
}

/** Declares a route's success status, its body's shape and the error body. */
export function Answers(answers: Answers): MethodDecorator {
  const status = answers.status ?? 200;
  return applyDecorators(
    HttpCode(status),
    ApiOperation({ summary: answers.summary }),
    answers.stream === undefined
      ? ApiResponse({ status, description: answers.summary, ...(answers.body === undefined ? {} : { standardSchema: answers.body }) })
      : ApiResponse({ status, description: answers.summary, content: { [answers.stream]: { schema: { type: 'string' } } } }),
    ApiResponse({ status: 'default', description: 'An error.', standardSchema: answers.error ?? ProblemSchema }),
  );
}

/** zod to JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
export function zodToOpenApi(schema: unknown, { schemaType }: { schemaType: 'input' | 'output' }) {
  if (!(schema instanceof z.ZodType)) return undefined;
  const {
    $schema: _dialect,
    $defs,
    ...converted
  } = z.toJSONSchema(schema, { io: schemaType, unrepresentable: 'any', target: 'draft-2020-12' });
  return { schema: converted, components: ($defs ?? {}) as Record<string, unknown> };
}
