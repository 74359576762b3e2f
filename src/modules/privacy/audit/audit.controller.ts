import { Readable } from 'node:stream';
import { Controller, Get, Header, Query, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { AuditExport } from './audit-export.ts';
import { AuditEventPage, AuditExportQuery, AuditQuery } from './audit.schemas.ts';
import { Audit } from './audit.service.ts';

const ndjson = 'application/x-ndjson';

/** The audit trail over REST. */
@ApiTags('Audit')
@Controller('v1/audit')
export class AuditController {
  constructor(
    private readonly audit: Audit,
    private readonly exports: AuditExport,
  ) {}

  @Get()
  @Access('audit.read')
  @Answers({ summary: 'Who did what, newest first', body: AuditEventPage })
  list(@Caller() caller: Principal, @Query({ schema: AuditQuery }) query: AuditQuery) {
    return this.audit.list(caller, query);
  }

  @Get('export')
  @Access('audit.read')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'The audit trail as lines of JSON that end with a signed head, for `parley audit verify`', stream: ndjson })
  async export(@Caller() caller: Principal, @Query({ schema: AuditExportQuery }) { after }: AuditExportQuery) {
    const lines = await this.exports.lines(caller, after);
    return new StreamableFile(Readable.from(lines, { objectMode: false }), {
      type: ndjson,
      disposition: 'attachment; filename="audit.ndjson"',
    });
  }
}
