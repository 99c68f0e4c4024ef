"""Addresses of predictions."""

from django.urls import path

from executions import views
from executions.batches import file_pages, result_pages
from executions.comparison import downloads
from executions.comparison.views import compare_executions
from executions.explanations import views as explanation_views
from executions.history import retry_views
from executions.history import views as history_views
from executions.home import home

app_name = "executions"

urlpatterns = [
    path("", home, name="home"),
    path("models/<slug:slug>/", views.create_execution, name="create"),
    path("models/<slug:slug>/check/", views.check_values, name="check"),
    path("models/<slug:slug>/rows/", file_pages.rows, name="rows"),
    path(
        "models/<slug:slug>/rows/template/<str:kind>/",
        file_pages.rows_template,
        name="rows_template",
    ),
    path("models/<slug:slug>/rows/<uuid:pk>/", file_pages.rows_file, name="rows_file"),
    path("models/<slug:slug>/rows/<uuid:pk>/check/", file_pages.rows_check, name="rows_check"),
    path(
        "models/<slug:slug>/rows/<uuid:pk>/problems/<str:kind>/",
        file_pages.rows_problems,
        name="rows_problems",
    ),
    path("models/<slug:slug>/rows/<uuid:pk>/run/", file_pages.rows_run, name="rows_run"),
    path("history/", history_views.execution_list, name="list"),
    path("history/export/", history_views.export_executions, name="export"),
    path("history/selection/", history_views.selection, name="selection"),
    path("history/delete/", history_views.delete_executions, name="delete"),
    path("history/deleted/", history_views.deleted_list, name="deleted"),
    path("history/restore/", history_views.restore_executions, name="restore"),
    path("compare/", compare_executions, name="compare"),
    path("compare/csv/", downloads.compare_csv, name="compare_csv"),
    path("compare/pdf/", downloads.compare_pdf, name="compare_pdf"),
    path("predictions/<uuid:pk>/", views.execution_detail, name="detail"),
    path("predictions/<uuid:pk>/status/", views.execution_status, name="status"),
    path("predictions/<uuid:pk>/cancel/", views.cancel_execution, name="cancel"),
    path("predictions/<uuid:pk>/pdf/", views.execution_pdf, name="pdf"),
    path("predictions/<uuid:pk>/row/", history_views.execution_row, name="row"),
    path("predictions/<uuid:pk>/retry/", retry_views.retry_execution, name="retry"),
    path("predictions/<uuid:pk>/note/", retry_views.write_note, name="note"),
    path(
        "predictions/<uuid:pk>/explanation/",
        explanation_views.execution_explanation,
        name="explanation",
    ),
    path("predictions/<uuid:pk>/curve/", explanation_views.execution_curve, name="curve"),
    path("predictions/<uuid:pk>/rows/", result_pages.batch, name="batch"),
    path("predictions/<uuid:pk>/rows/status/", result_pages.batch_status, name="batch_status"),
    path("predictions/<uuid:pk>/rows/cancel/", result_pages.batch_cancel, name="batch_cancel"),
    path(
        "predictions/<uuid:pk>/rows/download/<str:kind>/",
        result_pages.batch_download,
        name="batch_download",
    ),
    path("predictions/<uuid:pk>/rows/delete/", result_pages.batch_delete, name="batch_delete"),
]
