using Microsoft.Extensions.Configuration;

var builder = DistributedApplication.CreateBuilder(args);

// Without containers, name a Redis that runs already: ConnectionStrings__redis=127.0.0.1:6379
IResourceBuilder<IResourceWithConnectionString> redis = builder.Configuration.GetConnectionString("redis") is null ? builder.AddRedis("redis") : builder.AddConnectionString("redis");

var cluster = builder.AddGranary<Projects.OwnModel>("granary").WithSilos(3).WithRedis(redis);
cluster.AddRun("digits", "digits", "--workers", "3");

builder.Build().Run();
