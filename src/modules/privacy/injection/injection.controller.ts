import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Access, Answers, KeepsNoAnswer } from '../../../platform/http/index.ts';
import { AnalyzeInjection, InjectionAnalysesResponse } from './injection.schemas.ts';
import { InjectionService } from './injection.service.ts';

/** The injection detector over REST. */
@ApiTags('Privacy')
@Controller('v1/privacy/injection')
export class InjectionController {
  constructor(private readonly injection: InjectionService) {}

  @Post('analyze')
  @KeepsNoAnswer()
  @Access('privacy.analyze')
  @Answers({ summary: 'Score texts for attacks on the instructions of a model', body: InjectionAnalysesResponse })
  analyze(@Body({ schema: AnalyzeInjection }) body: AnalyzeInjection) {
    return this.injection.analyze(body);
  }
}
