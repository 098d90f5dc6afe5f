/** Whom a mobile push reaches: one device, those that joined a topic, or those that a condition over topics describes. */
export type MobileTarget = { readonly token: string } | { readonly topic: string } | { readonly condition: string };

const FORMS = {
  token: /^[\w:.-]{1,1024}$/,
  topic: /^[\w.~%-]{1,900}$/,
  /** `'news' in topics && ('cn' in topics || …)`. */
  condition: /^(?=.*' in topics)[\w.~%'()&|! -]{1,1000}$/,
} as const;

export type MobileTargetKind = keyof typeof FORMS;

/** Undefined for a name that Firebase Cloud Messaging could not know, or another kind of target. */
export function readTarget(kind: string, name: string): MobileTarget | undefined {
  if (!Object.hasOwn(FORMS, kind) || !FORMS[kind as MobileTargetKind].test(name)) return undefined;
  return { [kind]: name } as unknown as MobileTarget;
}
