using Granary.Training.Wording;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Granary.Silo.Security;

/// <summary>A line of the log for each change that is asked for, also for those that are refused.</summary>
internal sealed partial class AuditTrail(RequestDelegate next, ILoggerFactory loggers)
{
    /// <summary>The category of its lines.</summary>
    public const string Category = "Granary.Audit";

    public const string GrpcStatus = "grpc-status";

    // What is refused is not read: nobody knows of which run it is.
    private const string Unread = "-";
    private readonly ILogger logger = loggers.CreateLogger(Category);

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(wanted => wanted.Policy == Roles.Operator) != true)
        {
            await next(context);
            return;
        }
        var asked = new AskedChange();
        context.Features.Set(asked);
        // Before the connection may be gone.
        var from = $"{context.Connection.RemoteIpAddress}:{context.Connection.RemotePort}";
        try
        {
            await next(context);
        }
        finally
        {
            LogAsked(context.User.Identity?.Name ?? TokenAuthentication.Anonymous, from, Path.GetFileName(context.Request.Path.Value) ?? "", asked.Subject ?? Unread, asked.Request ?? Unread, OutcomeOf(context));
        }
    }

    private static string OutcomeOf(HttpContext context)
    {
        var trailers = context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
        var status = trailers is not null && trailers.TryGetValue(GrpcStatus, out var atEnd) ? atEnd : context.Response.Headers[GrpcStatus];
        return int.TryParse(status, out var code) ? $"{(StatusCode)code}" : context.RequestAborted.IsCancellationRequested ? $"{StatusCode.Cancelled}" : $"HTTP {context.Response.StatusCode}";
    }

    [LoggerMessage(LogLevel.Information, "{Who} at {From} asked for {Change} of {Subject}: {Outcome}, {Request}")]
    private partial void LogAsked(string who, string from, string change, string subject, string request, string outcome);
}

/// <summary>What a change is about, told by the one who has read it to the one who writes it down.</summary>
internal sealed class AskedChange
{
    /// <summary>A run or a node.</summary>
    public string? Subject { get; set; }

    /// <summary>All of it, cut if it is long.</summary>
    public string? Request { get; set; }
}

/// <summary>Reads what a call is about.</summary>
internal sealed class AuditedCalls : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        if (context.GetHttpContext().Features.Get<AskedChange>() is { } asked)
        {
            asked.Subject = SubjectOf(request) is { } subject ? Shown.Value(subject) : null;
            asked.Request = Shown.Line(Shown.OneLine(request.ToString()!));
        }
        return continuation(request, context);
    }

    private static string? SubjectOf(object request) => request switch
    {
        V1.SubmitRequest submit => submit.Spec?.RunId,
        V1.RunRequest run => run.RunId,
        V1.CancelRequest cancel => cancel.RunId,
        V1.PauseRequest pause => pause.RunId,
        V1.ScaleRequest scale => scale.RunId,
        V1.DrainRequest drain => drain.Node,
        _ => null,
    };
}
