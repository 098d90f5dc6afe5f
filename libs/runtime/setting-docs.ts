import type { Setting } from './setting.js';

type Settings = readonly Setting<unknown>[];

/** The settings as a Markdown table, one line each. */
export function settingsTable(settings: Settings): string {
  const rows = settings.map(({ name, kind, default: value, description, secret }) => {
    const meaning = secret === true ? `${description} Secret: its value is shown nowhere.` : description;
    return [`\`${name}\``, value === undefined ? 'unset' : `\`${value}\``, kind.allowed, meaning];
  });
  return [['variable', 'default', 'allowed', 'meaning'], ['---', '---', '---', '---'], ...rows].map(tableLine).join('\n');
}

/** The settings as a file of environment variables. Every line is a remark, so that the file as it is sets nothing. */
export function environmentExample(settings: Settings): string {
  const blocks = settings.map(({ name, kind, default: value = '', description }) =>
    [...remark(description), ...remark(`Allowed: ${kind.allowed}.`), `#${name}=${value}`].join('\n'),
  );
  return `${[HEAD, ...blocks].join('\n\n')}\n`;
}

const HEAD = [
  '# The settings of Magpie; docs/config.md says more about them.',
  '# Copy this file to .env and take the # away from what you set. The compose files are given it with --env-file .env;',
  '# npm start reads the environment, not this file: set -a; . ./.env; set +a; npm start',
].join('\n');

const LINE_LENGTH = 120;

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replace(/[|<]/g, '\\$&')).join(' | ')} |`;
}

function remark(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE_LENGTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines;
}
