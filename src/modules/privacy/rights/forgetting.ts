import { Injectable } from '@nestjs/common';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { type DataSubject, type ErasedRows, PersonalDataRegistry } from '../../../platform/personal-data/index.ts';

/**
 * Erases a subject: first the key, by which everything of theirs that lies anywhere (tables, Redis, archives, backups) is unreadable at one
 * stroke, and with a tombstone for good; then what there is, holder by holder. Once more after the first time, since work that had
 * begun before may have written meanwhile. Doing it twice changes nothing.
 */
@Injectable()
export class Forgetting {
  constructor(
    private readonly keyRing: KeyRing,
    private readonly registry: PersonalDataRegistry,
  ) {}

  /** Gives how many rows went, by table. Throws when anything is away; it is to be done again then. */
  async forget(subject: DataSubject): Promise<ErasedRows> {
    await this.destroyKey(subject);
    return added(await this.pass(subject), await this.pass(subject));
  }

  /** Only that what of theirs lies anywhere opens for nobody. */
  destroyKey(subject: DataSubject): Promise<void> {
    return this.keyRing.erase(subject);
  }

  private async pass(subject: DataSubject): Promise<ErasedRows> {
    let erased: ErasedRows = {};
    for (const { holder } of this.registry.holders()) erased = added(erased, await holder.erase(subject));
    return erased;
  }
}

/** Both together; tables of which nothing went are left out. */
export function added(one: ErasedRows, other: ErasedRows): ErasedRows {
  const sum: ErasedRows = {};
  for (const table of [...Object.keys(one), ...Object.keys(other)].toSorted()) {
    const count = (one[table] ?? 0) + (other[table] ?? 0);
    if (count > 0) sum[table] = count;
  }
  return sum;
}
