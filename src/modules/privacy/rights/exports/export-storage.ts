import { Injectable } from '@nestjs/common';
import { ExportKeys } from './export-keys.ts';
import { ExportPartsRepository } from './export-parts.repository.ts';
import { ExportRemoval } from './export-removal.ts';
import { ExportsRepository } from './exports.repository.ts';

/** Where exports lie, and what opens them. */
@Injectable()
export class ExportStorage {
  constructor(
    readonly exports: ExportsRepository,
    readonly parts: ExportPartsRepository,
    readonly keys: ExportKeys,
    readonly removal: ExportRemoval,
  ) {}
}
