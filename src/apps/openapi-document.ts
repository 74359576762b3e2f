import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { zodToOpenApi } from '../platform/http/index.ts';

const description = `A multi-tenant chatbot backend: bots answer over a streaming WebSocket, over server-sent events and to
unmodified OpenAI clients. Errors are \`application/problem+json\` (RFC 9457); lists are cursor pages; every POST with a credential takes an
\`Idempotency-Key\`. The WebSocket at \`/v1/chat\` speaks the frames of the AI SDK's WebSocketChatTransport.`;

/** Every POST with a credential takes it. */
const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  required: false,
  description: 'Up to 255 visible ASCII characters. A repeated request with the same key and body gets the first answer again.',
  schema: { type: 'string' as const, maxLength: 255 },
};

/** The OpenAPI 3.1 document of all routes. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Parley')
    .setDescription(description)
    .setVersion('1')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'opaque', description: 'An access token, an API key, or (for chat) a ticket.' },
      'bearer',
    )
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    standardSchemaConverter: zodToOpenApi,
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) nameProblemType(operation);
    if (path.post?.security !== undefined) path.post.parameters = [...(path.post.parameters ?? []), idempotencyKey];
  }
  return document;
}

/** Errors have a media type of their own, which decorators cannot say per response. */
function nameProblemType(operation: unknown): void {
  const problem = (operation as { responses?: Record<string, { content?: Record<string, unknown> }> }).responses?.['default'];
  const shape = problem?.content?.['application/json'];
  if (problem !== undefined && shape !== undefined) problem.content = { 'application/problem+json': shape };
}
