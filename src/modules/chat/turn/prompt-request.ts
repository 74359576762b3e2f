import { z } from 'zod';
import { type ContentKey, defineSealedTable, type KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';

/**
 * What an OpenAI-dialect caller sends besides the message: its own message list and parameters. Stored sealed with the
 * turn, so that any replica can run it.
 */
export const PromptRequest = z.object({
  /** The conversation so far by the caller's account, without the last user message. */
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
  temperature: z.number().optional(),
  topP: z.number().optional(),
  maxOutputTokens: z.number().optional(),
});
/** A caller's own prompt. */
export type PromptRequest = z.output<typeof PromptRequest>;

defineSealedTable({ table: 'turns', columns: ['request'] });

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'turns', column: 'request', rowId };
}

/** Encrypts a caller's prompt for its turn. */
export function sealRequest(key: ContentKey, turnId: string, request: PromptRequest): Buffer {
  return seal(key, placeOf(key.tenantId, turnId), JSON.stringify(request));
}

/** Decrypts a caller's prompt. */
export async function openRequest(keyRing: KeyRing, tenantId: string, turnId: string, sealed: Buffer): Promise<PromptRequest> {
  return PromptRequest.parse(JSON.parse((await keyRing.open(placeOf(tenantId, turnId), sealed)).toString()));
}
