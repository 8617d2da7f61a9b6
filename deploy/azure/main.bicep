// The platform in Azure, for one resource group: storage, keys, database, FHIR service, jobs, logs, all without public
// access, reached by private endpoints and signed in to by managed identity. How it is rolled out: docs/setup.md.
targetScope = 'resourceGroup'

@description('Short name of the deployment: letters and digits, below 12, unique within Azure.')
@minLength(3)
@maxLength(11)
param name string

@description('Azure region, where the law lets the data be.')
param location string = resourceGroup().location

@description('The platform\'s image by digest, registry included.')
param image string

@description('Object id of the group that administers PostgreSQL by Microsoft Entra ID.')
param databaseAdministrators string

@description('Name of that group.')
param databaseAdministratorsName string

@description('Days for which what was deleted can be brought back.')
@minValue(7)
@maxValue(90)
param softDeleteDays int = 90

var tags = {
  data: 'personal health data'
  deployment: name
}
var zones = [ 'landing', 'lake', 'cohort', 'reports', 'knowledge', 'logs' ]
var roles = {
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  cryptoUser: '12338af0-0e69-4776-bea7-57ae8d297424'
  fhirWriter: '3f88fce4-5892-4214-ae73-ba5294559913'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-platform'
  location: location
  tags: tags
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 365
    publicNetworkAccessForIngestion: 'Disabled'
    publicNetworkAccessForQuery: 'Disabled'
    features: {
      disableLocalAuth: true
    }
  }
}

// The network

resource closed 'Microsoft.Network/networkSecurityGroups@2024-01-01' = {
  name: '${name}-closed'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'nothing-from-the-internet'
        properties: {
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: '${name}-network'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [ '10.20.0.0/16' ]
    }
    subnets: [
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.20.0.0/24'
          networkSecurityGroup: {
            id: closed.id
          }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
      {
        name: 'jobs'
        properties: {
          addressPrefix: '10.20.2.0/23'
          networkSecurityGroup: {
            id: closed.id
          }
          delegations: [
            {
              name: 'jobs'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'database'
        properties: {
          addressPrefix: '10.20.4.0/24'
          networkSecurityGroup: {
            id: closed.id
          }
          delegations: [
            {
              name: 'database'
              properties: {
                serviceName: 'Microsoft.DBforPostgreSQL/flexibleServers'
              }
            }
          ]
        }
      }
    ]
  }
}

// Where data lie

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  // checkov:skip=CKV_AZURE_43:the name is made of a parameter of at most 11 letters and digits, which is not evaluated
  name: '${name}lake'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_GZRS'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  dependsOn: [ mayUnwrapForStorage ]
  properties: {
    isHnsEnabled: true
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Disabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
    }
    encryption: {
      requireInfrastructureEncryption: true
      keySource: 'Microsoft.Keyvault'
      identity: {
        userAssignedIdentity: identity.id
      }
      keyvaultproperties: {
        keyvaulturi: vault.properties.vaultUri
        keyname: storageKey.name
      }
      services: {
        blob: {
          enabled: true
          keyType: 'Account'
        }
      }
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: storage
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: softDeleteDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: softDeleteDays
    }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [for zone in zones: {
  parent: blobs
  name: zone
  properties: {
    publicAccess: 'None'
  }
}]

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: '${name}-keys'
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'premium'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: softDeleteDays
    publicNetworkAccess: 'Disabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
    }
  }
}

// Wraps the keys of persons (GENOMICS_KEYS). It ends after two years, when it opens still and wraps nothing new. A rotation
// by policy would leave them wrapped by the earlier version: people are told, and genomics keys --rotate wraps them anew.
resource personKey 'Microsoft.KeyVault/vaults/keys@2023-07-01' = {
  parent: vault
  name: 'persons'
  properties: {
    kty: 'RSA-HSM'
    keySize: 3072
    keyOps: [ 'wrapKey', 'unwrapKey' ]
    attributes: {
      enabled: true
      exportable: false
    }
    rotationPolicy: {
      attributes: {
        expiryTime: 'P2Y'
      }
      lifetimeActions: [
        {
          trigger: {
            timeBeforeExpiry: 'P60D'
          }
          action: {
            type: 'notify'
          }
        }
      ]
    }
  }
}

resource storageKey 'Microsoft.KeyVault/vaults/keys@2023-07-01' = {
  parent: vault
  name: 'storage'
  properties: {
    kty: 'RSA-HSM'
    keySize: 3072
    keyOps: [ 'wrapKey', 'unwrapKey' ]
    attributes: {
      enabled: true
      exportable: false
    }
    rotationPolicy: {
      attributes: {
        expiryTime: 'P2Y'
      }
      lifetimeActions: [
        {
          trigger: {
            timeBeforeExpiry: 'P60D'
          }
          action: {
            type: 'notify'
          }
        }
      ]
    }
  }
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: '${name}-registry'
  location: location
  tags: tags
  sku: {
    name: 'Standard_D2ds_v5'
    tier: 'GeneralPurpose'
  }
  properties: {
    version: '16'
    storage: {
      storageSizeGB: 128
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: 35
      geoRedundantBackup: 'Enabled'
    }
    highAvailability: {
      mode: 'ZoneRedundant'
    }
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: subscription().tenantId
    }
    network: {
      delegatedSubnetResourceId: '${network.id}/subnets/database'
      privateDnsZoneArmResourceId: databaseNames.id
      publicNetworkAccess: 'Disabled'
    }
  }
}

resource databaseAdministrator 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2024-08-01' = {
  parent: database
  name: databaseAdministrators
  properties: {
    principalName: databaseAdministratorsName
    principalType: 'Group'
    tenantId: subscription().tenantId
  }
}

resource encryptedConnections 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2024-08-01' = {
  parent: database
  name: 'require_secure_transport'
  properties: {
    value: 'ON'
    source: 'user-override'
  }
}

resource registryDatabase 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2024-08-01' = {
  parent: database
  name: 'genomics'
}

resource dagsterDatabase 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2024-08-01' = {
  parent: database
  name: 'dagster'
}

resource health 'Microsoft.HealthcareApis/workspaces@2024-03-31' = {
  name: '${name}health'
  location: location
  tags: tags
  properties: {
    publicNetworkAccess: 'Disabled'
  }
}

resource fhir 'Microsoft.HealthcareApis/workspaces/fhirservices@2024-03-31' = {
  parent: health
  name: 'reports'
  location: location
  tags: tags
  kind: 'fhir-R4'
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publicNetworkAccess: 'Disabled'
    authenticationConfiguration: {
      authority: '${environment().authentication.loginEndpoint}${subscription().tenantId}'
      audience: 'https://${name}health-reports.fhir.azurehealthcareapis.com'
      smartProxyEnabled: false
    }
  }
}

// What computes

resource machines 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${name}-machines'
  location: location
  tags: tags
  properties: {
    vnetConfiguration: {
      infrastructureSubnetId: '${network.id}/subnets/jobs'
      internal: true
    }
    peerAuthentication: {
      mtls: {
        enabled: true
      }
    }
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    workloadProfiles: [
      {
        name: 'genomes'
        workloadProfileType: 'E16'
        minimumCount: 0
        maximumCount: 8
      }
    ]
  }
}

resource run 'Microsoft.App/jobs@2024-03-01' = {
  name: '${name}-run'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: machines.id
    workloadProfileName: 'genomes'
    configuration: {
      triggerType: 'Manual'
      replicaTimeout: 86400
      replicaRetryLimit: 0
      manualTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
      }
      registries: [
        {
          server: split(image, '/')[0]
          identity: identity.id
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'run'
          image: image
          resources: {
            cpu: 16
            memory: '64Gi'
          }
          env: [
            {
              name: 'GENOMICS_ENV'
              value: 'azure'
            }
            {
              name: 'GENOMICS_LAKE'
              value: '${storage.properties.primaryEndpoints.blob}lake'
            }
            {
              name: 'GENOMICS_SECRETS'
              value: vault.properties.vaultUri
            }
            {
              name: 'GENOMICS_KEYS'
              value: '${vault.properties.vaultUri}keys/${personKey.name}'
            }
            {
              name: 'AZURE_CLIENT_ID'
              value: identity.properties.clientId
            }
          ]
        }
      ]
    }
  }
}

// Who may what: the platform's identity, no more than it needs

resource mayWriteLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identity.id, roles.blobContributor)
  scope: storage
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobContributor)
  }
}

resource mayReadSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, roles.secretsUser)
  scope: vault
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsUser)
  }
}

resource mayUnwrap 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(personKey.id, identity.id, roles.cryptoUser)
  scope: personKey
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cryptoUser)
  }
}

resource mayUnwrapForStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storageKey.id, identity.id, roles.cryptoUser)
  scope: storageKey
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cryptoUser)
  }
}

resource mayWriteFhir 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(fhir.id, identity.id, roles.fhirWriter)
  scope: fhir
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.fhirWriter)
  }
}

// How they are reached: names within the network, and an endpoint for each

resource databaseNames 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: '${name}.private.postgres.database.azure.com'
  location: 'global'
  tags: tags
}

var reached = [
  { id: storage.id, group: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}' }
  { id: storage.id, group: 'dfs', zone: 'privatelink.dfs.${environment().suffixes.storage}' }
  { id: vault.id, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
  { id: health.id, group: 'healthcareworkspace', zone: 'privatelink.fhir.azurehealthcareapis.com' }
]

resource names 'Microsoft.Network/privateDnsZones@2024-06-01' = [for place in reached: {
  name: place.zone
  location: 'global'
  tags: tags
}]

resource nameLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (place, number) in reached: {
  parent: names[number]
  name: '${name}-network'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

resource databaseNameLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: databaseNames
  name: '${name}-network'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}

resource endpoints 'Microsoft.Network/privateEndpoints@2024-01-01' = [for place in reached: {
  name: '${name}-${place.group}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: '${network.id}/subnets/endpoints'
    }
    privateLinkServiceConnections: [
      {
        name: place.group
        properties: {
          privateLinkServiceId: place.id
          groupIds: [ place.group ]
        }
      }
    ]
  }
}]

resource endpointNames 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-01-01' = [for (place, number) in reached: {
  parent: endpoints[number]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: place.group
        properties: {
          privateDnsZoneId: names[number].id
        }
      }
    ]
  }
}]

// What is written of every access

resource blobAccess 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'access'
  scope: blobs
  properties: {
    workspaceId: logs.id
    logs: [
      { categoryGroup: 'allLogs', enabled: true }
    ]
  }
}

resource vaultAccess 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'access'
  scope: vault
  properties: {
    workspaceId: logs.id
    logs: [
      { categoryGroup: 'allLogs', enabled: true }
    ]
  }
}

resource fhirAccess 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'access'
  scope: fhir
  properties: {
    workspaceId: logs.id
    logs: [
      { categoryGroup: 'allLogs', enabled: true }
    ]
  }
}

resource databaseAccess 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'access'
  scope: database
  properties: {
    workspaceId: logs.id
    logs: [
      { categoryGroup: 'allLogs', enabled: true }
    ]
  }
}

output lake string = '${storage.properties.primaryEndpoints.blob}lake'
output secrets string = vault.properties.vaultUri
output keys string = '${vault.properties.vaultUri}keys/${personKey.name}'
output database string = database.properties.fullyQualifiedDomainName
output fhir string = fhir.properties.authenticationConfiguration.audience
output identity string = identity.properties.clientId
