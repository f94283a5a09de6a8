namespace Granary.AspireHosting;

/// <summary>What a silo listens on, by the names of its endpoints.</summary>
internal static class SiloEndpoints
{
    /// <summary>For clients.</summary>
    public const string Grpc = "grpc";

    /// <summary>The page, and health.</summary>
    public const string Http = "http";

    /// <summary>Between silos, which do not go through Aspire's proxy: each tells the others the port that it listens on.</summary>
    public const string Silo = "silo";

    /// <summary>What the dashboard calls it.</summary>
    public static string TextOf(string endpoint) => endpoint == Http ? "page" : endpoint;
}
