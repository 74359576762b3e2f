import { Injectable } from '@nestjs/common';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Person } from '../../../platform/personal-data/index.ts';
import { Members, Visitors } from '../../identity/index.ts';
import { privacyErrors } from '../privacy.errors.ts';

/** How a caller names a person: exactly one of both. */
export interface NamedPerson {
  /** The tenant's own id of a visitor, or `vis_…`. */
  visitor_id?: string | undefined;
  /** `usr_…`. */
  user_id?: string | undefined;
}

/** Finds out who is meant. */
@Injectable()
export class Subjects {
  constructor(
    private readonly visitors: Visitors,
    private readonly members: Members,
  ) {}

  /** The UUID of a visitor. Throws 404 `not_found`. */
  async visitor(tenantId: string, named: string): Promise<string> {
    const known = await this.visitors.find(tenantId, named);
    if (known !== undefined) return known;
    const id = uuidOf('visitor', named);
    if (id === undefined || !(await this.visitors.exists(tenantId, id))) throw privacyErrors.visitorNotFound();
    return id;
  }

  /** The person. Throws 404 `not_found`. */
  async person(tenantId: string, { visitor_id: visitor, user_id: user }: NamedPerson): Promise<Person> {
    if (visitor !== undefined) return { tenantId, kind: 'visitor', id: await this.visitor(tenantId, visitor) };
    const id = uuidOf('user', user ?? '');
    if (id === undefined || !(await this.members.has(tenantId, id))) throw privacyErrors.memberNotFound();
    return { tenantId, kind: 'user', id };
  }

  /** The person and who else they are: a member who has tried a bot is a visitor of it, too. */
  async alsoKnownAs(person: Person): Promise<Person[]> {
    if (person.kind === 'visitor') return [person];
    const { tenantId, id } = person;
    const own = await this.visitors.find(tenantId, publicId('user', id));
    return own === undefined ? [person] : [person, { tenantId, kind: 'visitor', id: own }];
  }
}
