import { type ContentKey, defineSealedTable, type KeyRing, type Place, seal } from '../../platform/crypto/index.ts';
import type { MessageRow } from './messages.repository.ts';
import type { TextPart } from './conversations.schemas.ts';

defineSealedTable({ table: 'messages', columns: ['content'] });

function contentPlace(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'messages', column: 'content', rowId };
}

/** Encrypts a message's parts under the visitor's key. */
export function sealContent(key: ContentKey, messageId: string, parts: TextPart[]): Buffer {
  return seal(key, contentPlace(key.tenantId, messageId), JSON.stringify(parts));
}

/** Decrypts the parts of stored messages, in order; none where the key has been retired. */
export async function openContents(
  keyRing: KeyRing,
  tenantId: string,
  messages: Pick<MessageRow, 'id' | 'content'>[],
): Promise<TextPart[][]> {
  const opened = await keyRing.openReadable(messages.map(({ id, content }) => ({ place: contentPlace(tenantId, id), sealed: content })));
  return opened.map((bytes) => (bytes === undefined ? [] : (JSON.parse(bytes.toString()) as TextPart[])));
}

/** The text of a message's parts, in order. */
export function textOf(parts: TextPart[]): string {
  return parts.map((part) => part.text).join('');
}
