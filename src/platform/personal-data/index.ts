export { type DataSubject, type Person, type SubjectKind, subjectKinds } from './data-subject.ts';
export { type HeldTable, HeldTables } from './held-tables.ts';
export { type ErasedRows, type ExportedRecord, type HeldRows, HoldsPersonalData, type PersonalDataHolder } from './personal-data-holder.ts';
export { PersonalDataModule } from './personal-data.module.ts';
export { PersonalDataRegistry, type RegisteredHolder } from './personal-data-registry.ts';
