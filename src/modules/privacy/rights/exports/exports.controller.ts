import { Readable } from 'node:stream';
import { Body, Controller, Delete, Get, Header, Param, Post, Query, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer, PageQuery } from '../../../../platform/http/index.ts';
import { ExportDownloads } from './export-downloads.ts';
import { ArchiveQuery, ExportPerson, NewPersonalExport, PersonalExportPage, PersonalExportResponse } from './exports.schemas.ts';
import { PersonalExports } from './exports.service.ts';

/** The right of access and to take one's data along, over REST. */
@ApiTags('Privacy')
@Controller('v1/privacy/exports')
export class ExportsController {
  constructor(
    private readonly exports: PersonalExports,
    private readonly downloads: ExportDownloads,
  ) {}

  @Post()
  @Access('person.export', { stepUp: true })
  // The answer has the password: kept for a day it would lie beside the archive that it opens.
  @KeepsNoAnswer()
  @Header('cache-control', 'no-store')
  @Answers({
    summary: 'Export everything of a visitor, a member or the tenant as an encrypted archive',
    status: 202,
    body: NewPersonalExport,
  })
  request(@Caller() caller: Principal, @Body({ schema: ExportPerson }) body: ExportPerson) {
    return this.exports.request(caller, body);
  }

  @Get()
  @Access('person.export')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'List exports, newest first', body: PersonalExportPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.exports.list(caller, query);
  }

  @Get(':id')
  @Access('person.export')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'How far an export is, and the link to its archive', body: PersonalExportResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.exports.get(caller, id);
  }

  @Get(':id/archive')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'The archive, by the link of its export: no other credential is needed', stream: 'application/zip' })
  async archive(@Param('id') id: string, @Query({ schema: ArchiveQuery }) { token }: ArchiveQuery) {
    const { fileName, bytes, parts } = await this.downloads.open(id, token);
    return new StreamableFile(Readable.from(parts, { objectMode: false }), {
      type: 'application/zip',
      disposition: `attachment; filename="${fileName}"`,
      length: bytes,
    });
  }

  @Delete(':id')
  @Access('person.export')
  @Answers({ summary: 'Delete an export with its archive', status: 204 })
  remove(@Caller() caller: Principal, @Param('id') id: string) {
    return this.exports.remove(caller, id);
  }
}
