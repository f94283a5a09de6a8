using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Granary.AspireHosting.Tests;

public sealed class RunsEndTests : IDisposable
{
    private readonly Model model = new();

    public void Dispose() => model.Dispose();

    [Fact]
    public async Task AppHost_ThatEnds_StopsTheRunsOfItsClusters()
    {
        var stopped = new List<string>();
        var redis = model.Builder.AddConnectionString("redis");
        foreach (var name in (string[])["one", "two"])
        {
            var cluster = model.Builder.AddGranary<Model.OwnModel>(name).WithRedis(redis);
            var run = cluster.AddRun($"{name}-run", "digits");
            // In place of Aspire's own command.
            run.WithCommand(KnownResourceCommands.StopCommand, "Stop", _ =>
            {
                stopped.Add(run.Resource.Name);
                return Task.FromResult(CommandResults.Success());
            });
        }
        Assert.Single(model.Builder.Services, service => service.ServiceType == typeof(IHostedService) && service.ImplementationType == typeof(RunsEnd));
        await ActivatorUtilities.CreateInstance<RunsEnd>(model.Build().Services).StoppingAsync(default);
        Assert.Equal(["one-run", "two-run"], stopped.Order());
    }
}
