import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { holderDescriptionOf, type HeldRows, type HolderDescription, type PersonalDataHolder } from './personal-data-holder.ts';

/** A holder with what it says of itself. */
export interface RegisteredHolder extends HolderDescription {
  name: string;
  holder: PersonalDataHolder;
}

/** Every holder of personal data, found among the providers. */
@Injectable()
export class PersonalDataRegistry {
  private found: RegisteredHolder[] | undefined;

  constructor(private readonly discovery: DiscoveryService) {}

  /** All holders, those first whose rows refer to others'. */
  holders(): RegisteredHolder[] {
    this.found ??= this.discovery
      .getProviders()
      .flatMap(({ metatype, instance }) => {
        const description = typeof metatype === 'function' ? holderDescriptionOf(metatype) : undefined;
        if (description === undefined || typeof metatype !== 'function') return [];
        return [{ ...description, name: metatype.name, holder: instance as PersonalDataHolder }];
      })
      .toSorted((a, b) => b.rank - a.rank || a.name.localeCompare(b.name));
    return this.found;
  }

  /** Which holder has a table, and whose rows they are. Throws when two have it. */
  tables(): Map<string, { holder: string; rows: HeldRows }> {
    const tables = new Map<string, { holder: string; rows: HeldRows }>();
    for (const { name, tables: held } of this.holders()) {
      for (const [table, rows] of Object.entries(held)) {
        const other = tables.get(table);
        if (other !== undefined) throw new Error(`The table ${table} has two holders, ${other.holder} and ${name}.`);
        tables.set(table, { holder: name, rows });
      }
    }
    return tables;
  }
}
