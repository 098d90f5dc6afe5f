import { Controller, Get, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PushCertificate } from '#delivery/push-certificate.js';
import './request-state.js';

/** Serves the certificate with which subscribers verify pushes. Public: it holds nothing secret and verifiers send no credentials. */
@Controller('certificates')
export class CertificateController {
  constructor(private readonly certificate: PushCertificate) {}

  /** The name holds the certificate's digest, so an answer may be kept for ever. */
  @Get(':fileName')
  @RouteConfig({ public: true })
  async read(@Param('fileName') fileName: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    request.operation = 'Certificate';
    if (fileName !== this.certificate.fileName) throw new NotFoundException();
    await reply.type('application/x-pem-file').header('Cache-Control', 'public, max-age=31536000, immutable').send(this.certificate.pem);
  }
}
