using System.Net;
using Granary.Grains.Cluster;
using Granary.Grains.Nodes;
using Granary.Grains.Persistence;
using Granary.Grains.Slots;
using Granary.Grains.Telemetry;
using Granary.Grains.Worker;
using Granary.Training.Exchange.Links;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Granary.Grains;

public static class TrainingHosting
{
    /// <summary>
    /// All that a silo needs to train: slots, workers' placement, registration, instruments. Wants a
    /// <see cref="TrainingEnvironment"/> among the services, and grain storage named <see cref="GrainStorage.Name"/>. Gradients
    /// between machines are encrypted if there is a <see cref="PeerEncryption"/> among the services.
    /// </summary>
    public static ISiloBuilder AddTraining(this ISiloBuilder silo, NodeOptions node)
    {
        silo.Configure<SiloOptions>(options => options.SiloName = node.Name);
        silo.Services
            .AddSingleton(Options.Create(node))
            .AddSingleton<TrainingInstruments>()
            .AddSingleton<SlotHost>()
            .AddHostedService<NodeRegistration>()
            .AddPlacementDirector<SlotPlacement, SlotPlacementDirector>();
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.TryAddSingleton(services => new RoundRendezvous(
            NodeOptions.IsLoopback(node.DataHost) ? IPAddress.Loopback : IPAddress.Any, node.DataPort, node.Patience, node.Transport,
            services.GetRequiredService<ILogger<RoundRendezvous>>(), services.GetService<PeerEncryption>()));
        return silo;
    }
}
