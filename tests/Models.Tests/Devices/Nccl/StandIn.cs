using Granary.Torch.Devices.Nccl;

namespace Granary.Models.Tests.Devices.Nccl;

/// <summary>A library with NCCL's functions for processes of one machine.</summary>
public sealed class StandIn : CompiledLibrary
{
    public StandIn() : base("Nccl/standin.c") => Library = new(Path);

    internal NcclLibrary Library { get; }
}
