// A provider of identities for tests: OpenID Connect with PKCE required, whose people have groups.
// node oidc_provider.mjs PORT ADDRESS_OF_RETURN FOLDER_OF_MODULES
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [port, redirect, modules] = process.argv.slice(2)
const { default: Provider } = await import(pathToFileURL(createRequire(`${modules}/`).resolve('oidc-provider')))
const groups = { curie: ['grp-geneticist', 'grp-ward-3'], weber: ['grp-clinician', 'grp-ward-4'], nobody: ['grp-kitchen'] }
const issuer = `http://127.0.0.1:${port}`
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'portal', client_secret: 'portal-secret', redirect_uris: [redirect],
    grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_post',
  }],
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'groups'],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `Dr ${id}`, groups: groups[id] }) }),
  cookies: { keys: ['test'] },
  features: { devInteractions: { enabled: true } },
})
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
