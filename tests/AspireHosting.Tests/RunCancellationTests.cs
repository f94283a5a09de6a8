using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Granary.AspireHosting.Tests;

public sealed class RunCancellationTests : IDisposable
{
    private readonly UnstartedAppHost host = new();

    public void Dispose() => host.Dispose();

    [Fact]
    public async Task AppHost_ThatEnds_StopsTheRunsOfItsClusters()
    {
        var stopped = new List<string>();
        var redis = host.Builder.AddConnectionString("redis");
        foreach (var name in (string[])["one", "two"])
        {
            var cluster = host.Builder.AddGranary<UnstartedAppHost.OwnModel>(name).WithRedis(redis);
            var run = cluster.AddRun($"{name}-run", "digits");
            // In place of Aspire's own command.
            run.WithCommand(KnownResourceCommands.StopCommand, "Stop", _ =>
            {
                stopped.Add(run.Resource.Name);
                return Task.FromResult(CommandResults.Success());
            });
        }
        Assert.Single(host.Builder.Services, service => service.ServiceType == typeof(IHostedService) && service.ImplementationType == typeof(RunCancellation));
        await ActivatorUtilities.CreateInstance<RunCancellation>(host.Build().Services).StoppingAsync(default);
        Assert.Equal(["one-run", "two-run"], stopped.Order());
    }
}
