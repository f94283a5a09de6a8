using System.Net;
using Granary.Grains.Cluster;
using Granary.Grains.Slots;
using Granary.Grains.Telemetry;
using Granary.Grains.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Hosting;
using Orleans.Runtime.MembershipService.SiloMetadata;

namespace Granary.Grains;

public static class TrainingHosting
{
    /// <summary>
    /// All that a silo needs to train: slots, workers' placement, registration, instruments. Wants a
    /// <see cref="TrainingEnvironment"/> among the services, and grain storage named <see cref="Storage.Name"/>.
    /// </summary>
    public static ISiloBuilder AddTraining(this ISiloBuilder silo, Action<NodeOptions> configure)
    {
        var node = new NodeOptions();
        configure(node);
        silo.UseSiloMetadata(new Dictionary<string, string> { [SlotPlacement.NodeKey] = node.Name });
        silo.Services
            .Configure(configure)
            .AddSingleton<TrainingInstruments>()
            .AddSingleton<SlotHost>()
            .AddHostedService<NodeRegistration>()
            .AddPlacementDirector<SlotPlacement, SlotPlacementDirector>();
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.TryAddSingleton(services =>
        {
            var options = services.GetRequiredService<IOptions<NodeOptions>>().Value;
            var loopback = options.DataHost == IPAddress.Loopback.ToString();
            return new RoundRendezvous(loopback ? IPAddress.Loopback : IPAddress.Any, options.DataPort, options.Patience, options.Transport, services.GetRequiredService<ILogger<RoundRendezvous>>());
        });
        return silo;
    }
}
