namespace Granary.Training;

/// <summary>What the environment sets. Variables are read here only, so that an empty one means the same everywhere: it is not set.</summary>
public static class EnvironmentVariable
{
    /// <summary>The folder of data sets. Default: none.</summary>
    public const string Data = "GRANARY_DATA";

    /// <summary>The gRPC address of the silo that a command asks. Default: http://127.0.0.1:8081.</summary>
    public const string Server = "GRANARY_SERVER";

    /// <summary>The access token that a server is shown. Default: that of <c>granary login</c>.</summary>
    public const string Token = "GRANARY_TOKEN";

    /// <summary>The file of the authority that has signed a server's certificate. Default: that of <c>granary login</c>, else what the system trusts.</summary>
    public const string Authority = "GRANARY_AUTHORITY";

    /// <summary>The NCCL library that GPUs are to exchange through. Default: the system's libnccl.so.2.</summary>
    public const string Nccl = "GRANARY_NCCL";

    /// <summary>The trace that a submitted run becomes part of, as a W3C <c>traceparent</c>. Default: one of its own.</summary>
    public const string Trace = "TRACEPARENT";

    /// <returns><see langword="null"/>: unset, empty or blank.</returns>
    public static string? Read(string name) => Environment.GetEnvironmentVariable(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value : null;
}
