import { Injectable } from '@nestjs/common';
import { type ContentKey, defineSealedTable, KeyRing, type Place } from '../../../../platform/crypto/index.ts';
import type { ExportRow } from './exports.repository.ts';

defineSealedTable({ table: 'personal_exports', columns: ['password', 'link_token'] });
defineSealedTable({ table: 'personal_export_parts', columns: ['content'] });

/** Whose an export is, as far as its key is concerned. */
type Owned = Pick<ExportRow, 'id' | 'visitorId' | 'userId'>;

/**
 * Keys of exports. An archive of a person is under their own key: it cannot be read any more once they are erased, not in a backup either.
 * One of a whole tenant has a key to itself, so that it can be destroyed when somebody who is in it is erased.
 */
@Injectable()
export class ExportKeys {
  constructor(private readonly keyRing: KeyRing) {}

  /** The key to seal with. Throws 410 `erased` for somebody who was erased. */
  key(tenantId: string, { id, visitorId, userId }: Owned): Promise<ContentKey> {
    // A member who is a visitor as well is erased as one, too; their visitor can be erased alone.
    return this.keyRing.visitorKey(tenantId, visitorId ?? userId ?? id);
  }

  /** Opens a value. Throws CannotDecrypt. */
  open(place: Place, sealed: Buffer): Promise<Buffer> {
    return this.keyRing.open(place, sealed);
  }

  /** Destroys the key of an archive of a whole tenant. */
  async destroy(tenantId: string, exportId: string): Promise<void> {
    await this.keyRing.eraseVisitorKey(tenantId, exportId);
  }
}

/** Where something of an export itself is stored. */
export function exportPlace(tenantId: string, column: 'password' | 'link_token', exportId: string): Place {
  return { tenantId, table: 'personal_exports', column, rowId: exportId };
}

/** Where a part of an archive is stored. */
export function partPlace(tenantId: string, partId: string): Place {
  return { tenantId, table: 'personal_export_parts', column: 'content', rowId: partId };
}
