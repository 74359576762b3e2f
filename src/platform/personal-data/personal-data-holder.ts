import { SetMetadata } from '@nestjs/common';
import type { DataSubject } from './data-subject.ts';

/** One thing in an export: `file` names the list that it belongs to (`messages`), `record` is it as people read it: opened, with public ids. */
export interface ExportedRecord {
  file: string;
  record: Record<string, unknown>;
}

/** How many rows of which table went. */
export type ErasedRows = Record<string, number>;

/**
 * Whose rows a table holds. `person`: rows about single visitors or users, which go with them. `tenant`: the tenant's own, which go with it.
 * `kept`: ids and counts that stay, since somebody must be able to prove something later. `platform`: of no tenant.
 */
export type HeldRows = 'person' | 'tenant' | 'kept' | 'platform';

/** What a module knows of people: it can give it out, and forget it. */
export interface PersonalDataHolder {
  /** Everything that it holds of the subject, in a stable order. What can no longer be opened is left out. */
  export(subject: DataSubject): AsyncIterable<ExportedRecord>;
  /**
   * Deletes everything that it holds of the subject, in Postgres, Redis and memory, in short transactions. Doing it twice changes nothing.
   * Keys are not its business: they are gone before it is asked.
   */
  erase(subject: DataSubject): Promise<ErasedRows>;
}

/** What a holder says of itself. */
export interface HolderDescription {
  /** Its tables, and whose rows they hold. Every table of the database has exactly one holder. */
  tables: Readonly<Record<string, HeldRows>>;
  /** Those that refer to others go first: the rank of its module (see `.dependency-cruiser.cjs`), the highest first. */
  rank: number;
}

const key = 'parley:personal-data';

/** Marks the class with which a module exports and erases what it holds of people. */
export const HoldsPersonalData = (description: HolderDescription): ClassDecorator => SetMetadata(key, description);

/** What a class says that it holds, if it is a holder. */
export function holderDescriptionOf(holder: Function): HolderDescription | undefined {
  return Reflect.getMetadata(key, holder) as HolderDescription | undefined;
}
