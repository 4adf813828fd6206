/** What is wrong with a template, worded as Go's text/template words it: users know these messages, and search for them. */
export class TemplateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TemplateError';
  }
}
