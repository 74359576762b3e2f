/** Kinds of those whose data can be exported and erased: an end user, a member, or a tenant as a whole. */
export const subjectKinds = ['visitor', 'user', 'tenant'] as const;
/** A kind of data subject. */
export type SubjectKind = (typeof subjectKinds)[number];

/** Whose data. Ids are UUIDs; a tenant's own id is its `tenantId`. */
export interface DataSubject {
  tenantId: string;
  kind: SubjectKind;
  id: string;
}

/** A person rather than a tenant. */
export type Person = DataSubject & { kind: 'visitor' | 'user' };
