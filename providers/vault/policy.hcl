# What the store `vault` asks of the server, for the mount `secret` and secrets below `production/`.
path "secret/config" {
  capabilities = ["read"]
}
path "secret/data/production/*" {
  capabilities = ["create", "read", "update"]
}
path "secret/metadata/production/*" {
  capabilities = ["create", "read", "update", "patch"]
}
path "secret/delete/production/*" {
  capabilities = ["create", "update"]
}
path "secret/undelete/production/*" {
  capabilities = ["create", "update"]
}
path "secret/destroy/production/*" {
  capabilities = ["create", "update"]
}
