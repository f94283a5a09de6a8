using Granary.AspireHosting;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>
/// A Granary cluster of an app host. It runs as long as one of its silos serves. Its connection string is a gRPC address of this machine, such as
/// <c>http://127.0.0.1:41234</c>, at which always one of them answers.
/// </summary>
public sealed class GranaryResource : Resource, IResourceWithConnectionString
{
    private readonly List<IResourceWithEndpoints> silos = [];

    internal GranaryResource(string name, IGranaryProgram program, ParameterResource token, string folder)
        : base(name)
    {
        (Program, Token, Tokens, RunRoot) = (program, token, new(this), Path.Combine(folder, "runs"));
        (Gateway, Page) = (new(this, SiloEndpoints.Grpc), new(this, SiloEndpoints.Http));
        ClusterId = $"{name}-{Fingerprint.Short(folder)}";
    }

    /// <summary>The silos, in the order of their names: <c>granary-0</c>, <c>granary-1</c> and so on.</summary>
    public IReadOnlyList<IResourceWithEndpoints> Silos => silos;

    /// <summary>The access token of an operator: the only one that the cluster knows.</summary>
    public ParameterResource Token { get; }

    /// <inheritdoc/>
    public ReferenceExpression ConnectionStringExpression => ReferenceExpression.Create($"{Gateway}");

    internal IGranaryProgram Program { get; }

    internal Relay Gateway { get; }

    internal Relay Page { get; }

    internal TokensFile Tokens { get; }

    /// <summary>Not that of any other app host, which may have the same Redis and name its cluster alike.</summary>
    internal string ClusterId { get; }

    internal IResourceWithConnectionString? Redis { get; set; }

    /// <summary>The folder that run directories lie below.</summary>
    internal string RunRoot { get; set; }

    /// <summary>The folder that runs read below; <see langword="null"/>: <see cref="RunRoot"/>.</summary>
    internal string? DataRoot { get; set; }

    /// <summary>Further settings of all silos, by the names of their variables.</summary>
    internal Dictionary<string, string> Settings { get; } = [];

    /// <summary>The silos that serve, in the order of their names.</summary>
    internal IReadOnlyList<ServingSilo> Serving { get; set; } = [];

    /// <summary>What <c>AddRun</c> has added.</summary>
    internal List<IResource> Runs { get; } = [];

    internal void Add(IResourceWithEndpoints silo) => silos.Add(silo);
}
