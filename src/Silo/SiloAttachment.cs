using Microsoft.Extensions.DependencyInjection;

namespace Granary.Silo;

/// <summary>A silo that belongs to another program: it ends with its standard input, not with Ctrl+C.</summary>
public sealed class SiloAttachment
{
    /// <summary>Adds to the silo's services. Default: nothing.</summary>
    public Action<IServiceCollection> AddServices { get; init; } = _ => { };

    /// <summary>Is told of every line on standard input; <see langword="null"/>: no other will come. Default: nobody is.</summary>
    public Action<string?> Hear { get; init; } = _ => { };
}
